using Nova.StreamState;

var builder = WebApplication.CreateBuilder(args);
builder.AddStreamState();

var app = builder.Build();
app.MapStreamState();
app.Run();
